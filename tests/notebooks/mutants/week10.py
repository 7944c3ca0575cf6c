"""Plausible wrong answers to the exercises of week 10; each replaces the whole stub cell and must be rejected."""

MUTANTS = {}

# D: patches, tokens, positions

MUTANTS.update(
    {
        "10.1": {
            "reshape alone": """def my_patches(x, p):
    n, c, h, w = x.shape
    return x.reshape(n, (h // p) * (w // p), c * p * p)
""",
            "patches column by column": """def my_patches(x, p):
    n, c, h, w = x.shape
    cut = x.reshape(n, c, h // p, p, w // p, p)
    return cut.permute(0, 4, 2, 1, 3, 5).reshape(n, -1, c * p * p)
""",
            "channel last inside a patch": """def my_patches(x, p):
    n, c, h, w = x.shape
    cut = x.reshape(n, c, h // p, p, w // p, p)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(n, -1, c * p * p)
""",
            "column before row inside a patch": """def my_patches(x, p):
    n, c, h, w = x.shape
    cut = x.reshape(n, c, h // p, p, w // p, p)
    return cut.permute(0, 2, 4, 1, 5, 3).reshape(n, -1, c * p * p)
""",
            "p and H/p exchanged": """def my_patches(x, p):
    n, c, h, w = x.shape
    cut = x.reshape(n, c, p, h // p, p, w // p)
    return cut.permute(0, 3, 5, 1, 2, 4).reshape(n, -1, c * p * p)
""",
            "square pictures only": """def my_patches(x, p):
    n, c, h, w = x.shape
    cut = x.reshape(n, c, h // p, p, h // p, p)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, c * p * p)
""",
            "unfold not transposed": """def my_patches(x, p):
    return F.unfold(x, p, stride=p)
""",
            "first channel only": """def my_patches(x, p):
    n, c, h, w = x.shape
    cut = x[:, 0].reshape(n, h // p, p, w // p, p)
    return cut.permute(0, 1, 3, 2, 4).reshape(n, -1, p * p)
""",
        },
        "10.2": {
            "class token at the end": """class MyTokens(nn.Module):
    def __init__(self, image, patch, channels, width):
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.3 * torch.randn(1, 1 + (image // patch) ** 2, width))

    def forward(self, x):
        z = self.patches(x).flatten(2).mT
        return torch.cat([z, self.cls.expand(len(z), -1, -1)], 1) + self.positions
""",
            "positions for the patches only": """class MyTokens(nn.Module):
    def __init__(self, image, patch, channels, width):
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.3 * torch.randn(1, 1 + (image // patch) ** 2, width))

    def forward(self, x):
        z = self.patches(x).flatten(2).mT + self.positions[:, 1:]
        return torch.cat([self.cls.expand(len(z), -1, -1), z], 1)
""",
            "one position short": """class MyTokens(nn.Module):
    def __init__(self, image, patch, channels, width):
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.3 * torch.randn(1, (image // patch) ** 2, width))

    def forward(self, x):
        z = self.patches(x).flatten(2).mT + self.positions
        return torch.cat([self.cls.expand(len(z), -1, -1), z], 1)
""",
            "patches column by column": """class MyTokens(nn.Module):
    def __init__(self, image, patch, channels, width):
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.3 * torch.randn(1, 1 + (image // patch) ** 2, width))

    def forward(self, x):
        z = self.patches(x).mT.flatten(2).mT
        return torch.cat([self.cls.expand(len(z), -1, -1), z], 1) + self.positions
""",
            "view instead of a transpose": """class MyTokens(nn.Module):
    def __init__(self, image, patch, channels, width):
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.3 * torch.randn(1, 1 + (image // patch) ** 2, width))

    def forward(self, x):
        z = self.patches(x)
        z = z.reshape(len(z), -1, z.shape[1])
        return torch.cat([self.cls.expand(len(z), -1, -1), z], 1) + self.positions
""",
            "positions are no parameter": """class MyTokens(nn.Module):
    def __init__(self, image, patch, channels, width):
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = 0.3 * torch.randn(1, 1 + (image // patch) ** 2, width)

    def forward(self, x):
        z = self.patches(x).flatten(2).mT
        return torch.cat([self.cls.expand(len(z), -1, -1), z], 1) + self.positions
""",
            "positions start faint": """class MyTokens(nn.Module):
    def __init__(self, image, patch, channels, width):
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + (image // patch) ** 2, width))

    def forward(self, x):
        z = self.patches(x).flatten(2).mT
        return torch.cat([self.cls.expand(len(z), -1, -1), z], 1) + self.positions
""",
        },
        "10.3": {
            "class token resized with the rest": """def my_resize_positions(positions, side):
    return F.interpolate(positions.mT, size=1 + side**2, mode="linear", align_corners=True).mT
""",
            "class token dropped": """def my_resize_positions(positions, side):
    places = positions[:, 1:]
    grid = math.isqrt(places.shape[1])
    picture = places.mT.unflatten(2, (grid, grid))
    larger = F.interpolate(picture, size=(side, side), mode="bicubic", align_corners=True)
    return larger.flatten(2).mT
""",
            "a line instead of a picture": """def my_resize_positions(positions, side):
    cls, places = positions[:, :1], positions[:, 1:]
    larger = F.interpolate(places.mT, size=side * side, mode="linear", align_corners=True)
    return torch.cat([cls, larger.mT], 1)
""",
            "bilinear": """def my_resize_positions(positions, side):
    cls, places = positions[:, :1], positions[:, 1:]
    grid = math.isqrt(places.shape[1])
    picture = places.mT.unflatten(2, (grid, grid))
    larger = F.interpolate(picture, size=(side, side), mode="bilinear", align_corners=True)
    return torch.cat([cls, larger.flatten(2).mT], 1)
""",
            "corners not aligned": """def my_resize_positions(positions, side):
    cls, places = positions[:, :1], positions[:, 1:]
    grid = math.isqrt(places.shape[1])
    picture = places.mT.unflatten(2, (grid, grid))
    larger = F.interpolate(picture, size=(side, side), mode="bicubic")
    return torch.cat([cls, larger.flatten(2).mT], 1)
""",
            "reshape instead of a transpose": """def my_resize_positions(positions, side):
    cls, places = positions[:, :1], positions[:, 1:]
    grid = math.isqrt(places.shape[1])
    picture = places.reshape(1, -1, grid, grid)
    larger = F.interpolate(picture, size=(side, side), mode="bicubic", align_corners=True)
    return torch.cat([cls, larger.reshape(1, side * side, -1)], 1)
""",
            "columns read as rows": """def my_resize_positions(positions, side):
    cls, places = positions[:, :1], positions[:, 1:]
    grid = math.isqrt(places.shape[1])
    picture = places.mT.unflatten(2, (grid, grid))
    larger = F.interpolate(picture, size=(side, side), mode="bicubic", align_corners=True)
    return torch.cat([cls, larger.mT.flatten(2).mT], 1)
""",
        },
    }
)

# E: fine-tuning


def _adapter(init, forward):
    return f"""class MyAdapter(nn.Module):
    def __init__(self, layer, width, bottleneck):
        super().__init__()
{init}

    def forward(self, *inputs, **options):
{forward}
"""


_FROZEN = "        self.layer = layer.requires_grad_(False)\n"
_DOWN_UP = "        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)\n"
_ZERO = "        nn.init.zeros_(self.up.weight)\n        nn.init.zeros_(self.up.bias)"
_CORRECT = "        y = self.layer(*inputs, **options)\n        return y + self.up(F.gelu(self.down(y)))"

MUTANTS.update(
    {
        "10.4": {
            "the bias of up is not zero": _adapter(
                _FROZEN + _DOWN_UP + "        nn.init.zeros_(self.up.weight)", _CORRECT
            ),
            "nothing starts at zero": _adapter(_FROZEN + _DOWN_UP.rstrip(), _CORRECT),
            "both layers start at zero": _adapter(
                _FROZEN + _DOWN_UP + "        nn.init.zeros_(self.down.weight)\n" + _ZERO, _CORRECT
            ),
            "the layer is not frozen": _adapter("        self.layer = layer\n" + _DOWN_UP + _ZERO, _CORRECT),
            "no residual connection": _adapter(
                _FROZEN + _DOWN_UP + _ZERO,
                "        return self.up(F.gelu(self.down(self.layer(*inputs, **options))))",
            ),
            "ReLU": _adapter(_FROZEN + _DOWN_UP + _ZERO, _CORRECT.replace("gelu", "relu")),
            "no activation": _adapter(
                _FROZEN + _DOWN_UP + _ZERO,
                "        y = self.layer(*inputs, **options)\n        return y + self.up(self.down(y))",
            ),
            "an activation after up as well": _adapter(
                _FROZEN + _DOWN_UP + _ZERO,
                _CORRECT.replace("self.up(F.gelu(self.down(y)))", "F.gelu(self.up(F.gelu(self.down(y))))"),
            ),
            "no biases": _adapter(
                _FROZEN
                + "        self.down = nn.Linear(width, bottleneck, bias=False)\n"
                + "        self.up = nn.Linear(bottleneck, width, bias=False)\n"
                + "        nn.init.zeros_(self.up.weight)",
                _CORRECT,
            ),
            "drops the inputs by name": _adapter(_FROZEN + _DOWN_UP + _ZERO, _CORRECT.replace(", **options", "")),
            "in parallel with the layer": _adapter(
                _FROZEN + _DOWN_UP + _ZERO,
                "        y = self.layer(*inputs, **options)\n        return y + self.up(F.gelu(self.down(inputs[0])))",
            ),
        }
    }
)


def _lora(init, forward, merge):
    return f"""class MyLoRA(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
{init}

    def forward(self, x):
{forward}

    def merge(self):
{merge}
"""


_KEEP = """        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        bound = linear.in_features ** -0.5
"""
_AB = """        self.A = nn.Parameter(torch.empty(rank, linear.in_features).uniform_(-bound, bound))
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank))"""
_FORWARD = "        return self.linear(x) + self.scale * (x @ self.A.T @ self.B.T)"
_MERGE = """        with torch.no_grad():
            linear = copy.deepcopy(self.linear)
            linear.weight += self.scale * self.B @ self.A
            return linear"""

MUTANTS.update(
    {
        "10.5": {
            "alpha without rank": _lora(_KEEP.replace("alpha / rank", "alpha") + _AB, _FORWARD, _MERGE),
            "no factor at all": _lora(
                _KEEP + _AB, _FORWARD.replace("self.scale * ", ""), _MERGE.replace("self.scale * ", "")
            ),
            "factor missing in merge": _lora(_KEEP + _AB, _FORWARD, _MERGE.replace("self.scale * ", "")),
            "both zero": _lora(_KEEP + _AB.replace(".uniform_(-bound, bound)", ".zero_()"), _FORWARD, _MERGE),
            "both random": _lora(
                _KEEP + _AB.replace("torch.zeros(linear.out_features, rank)", "torch.randn(linear.out_features, rank)"),
                _FORWARD,
                _MERGE,
            ),
            "A standard normal": _lora(_KEEP + _AB.replace(".uniform_(-bound, bound)", ".normal_()"), _FORWARD, _MERGE),
            "W is not frozen": _lora((_KEEP + _AB).replace(".requires_grad_(False)", ""), _FORWARD, _MERGE),
            "merge changes the frozen layer": _lora(
                _KEEP + _AB, _FORWARD, _MERGE.replace("copy.deepcopy(self.linear)", "self.linear")
            ),
            "merge forgets the bias": _lora(
                _KEEP + _AB,
                _FORWARD,
                """        linear = nn.Linear(*self.linear.weight.shape[::-1], bias=False)
        linear.weight.data = (self.linear.weight + self.scale * self.B @ self.A).detach()
        return linear""",
            ),
            "merge returns the weight": _lora(
                _KEEP + _AB, _FORWARD, "        return self.linear.weight + self.scale * self.B @ self.A"
            ),
            "the update applied to the layer's output": _lora(
                _KEEP + _AB,
                "        y = self.linear(x)\n        return y + self.scale * (y @ self.A.T @ self.B.T)",
                _MERGE,
            ),
            "A and B exchanged": _lora(
                _KEEP
                + """        self.B = nn.Parameter(torch.zeros(rank, linear.in_features))
        self.A = nn.Parameter(torch.empty(linear.out_features, rank).uniform_(-bound, bound))""",
                "        return self.linear(x) + self.scale * (x @ self.B.T @ self.A.T)",
                _MERGE.replace("self.B @ self.A", "self.A @ self.B"),
            ),
        },
        "10.6": {
            "only the direct children": """def my_replace(model, wanted, make):
    names = []
    for name, module in list(model.named_children()):
        if wanted(name, module):
            setattr(model, name, make(module))
            names.append(name)
    return names
""",
            "recursion with short names": """def my_replace(model, wanted, make):
    names = []
    for name, module in list(model.named_children()):
        if wanted(name, module):
            setattr(model, name, make(module))
            names.append(name)
        else:
            names += my_replace(module, wanted, make)
    return names
""",
            "looks inside the old modules": """def my_replace(model, wanted, make):
    names = []
    for name, module in list(model.named_modules()):
        if name and wanted(name, module):
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, make(module))
            names.append(name)
    return names
""",
            "looks inside the new modules": """def my_replace(model, wanted, make):
    names = []

    def visit(parent, path, depth):
        for name, module in list(parent.named_children()):
            full = path + name
            if wanted(full, module):
                setattr(parent, name, make(module))
                names.append(full)
            if depth < 6:
                visit(getattr(parent, name), full + ".", depth + 1)

    visit(model, "", 0)
    return names
""",
            "shared layers made twice": """def my_replace(model, wanted, make):
    names = []
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if name and not any(name.startswith(n + ".") for n in names) and wanted(name, module):
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, make(module))
            names.append(name)
    return names
""",
            "shared layers replaced in one place only": """def my_replace(model, wanted, make):
    names = []
    for name, module in list(model.named_modules()):
        if name and not any(name.startswith(n + ".") for n in names) and wanted(name, module):
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, make(module))
            names.append(name)
    return names
""",
            "asks about the model itself": """def my_replace(model, wanted, make):
    names, made = [], {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        inside = any(name.startswith(n + ".") for n in names)
        if not inside and wanted(name, module):
            if name:
                above, _, last = name.rpartition(".")
                made[module] = made.get(module) or make(module)
                setattr(model.get_submodule(above), last, made[module])
                names.append(name)
    return names
""",
            "changes a copy": """def my_replace(model, wanted, make):
    model = copy.deepcopy(model)
    names, made = [], {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if name and not any(name.startswith(n + ".") for n in names) and wanted(name, module):
            if module not in made:
                made[module] = make(module)
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, made[module])
            names.append(name)
    return names
""",
            "returns nothing": """def my_replace(model, wanted, make):
    done, made = [], {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if name and not any(name.startswith(n + ".") for n in done) and wanted(name, module):
            if module not in made:
                made[module] = make(module)
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, made[module])
            done.append(name)
""",
            "a prefix without the dot": """def my_replace(model, wanted, make):
    names, made = [], {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if name and not any(name.startswith(n) for n in names) and wanted(name, module):
            if module not in made:
                made[module] = make(module)
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, made[module])
            names.append(name)
    return names
""",
        },
    }
)
