"""Plausible wrong answers to the exercises of week 6; each replaces the whole stub cell and must be rejected."""

MUTANTS = {
    "6.1": {
        "forgot the padding": """def my_vgg_features(plan, channels=3):
    layers = []
    for part in plan:
        if part == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, part, 3), nn.ReLU()]
            channels = part
    return nn.Sequential(*layers)
""",
        "every convolution takes the image's channels": """def my_vgg_features(plan, channels=3):
    layers = []
    for part in plan:
        layers += [nn.MaxPool2d(2)] if part == "M" else [nn.Conv2d(channels, part, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)
""",
        "forgot the activation": """def my_vgg_features(plan, channels=3):
    layers = []
    for part in plan:
        if part == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers.append(nn.Conv2d(channels, part, 3, padding=1))
            channels = part
    return nn.Sequential(*layers)
""",
        "average pooling": """def my_vgg_features(plan, channels=3):
    layers = []
    for part in plan:
        if part == "M":
            layers.append(nn.AvgPool2d(2))
        else:
            layers += [nn.Conv2d(channels, part, 3, padding=1), nn.ReLU()]
            channels = part
    return nn.Sequential(*layers)
""",
        "no bias": """def my_vgg_features(plan, channels=3):
    layers = []
    for part in plan:
        if part == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, part, 3, padding=1, bias=False), nn.ReLU()]
            channels = part
    return nn.Sequential(*layers)
""",
        "pooling with stride 1": """def my_vgg_features(plan, channels=3):
    layers = []
    for part in plan:
        if part == "M":
            layers.append(nn.MaxPool2d(2, stride=1))
        else:
            layers += [nn.Conv2d(channels, part, 3, padding=1), nn.ReLU()]
            channels = part
    return nn.Sequential(*layers)
""",
        "a list, not a module": """def my_vgg_features(plan, channels=3):
    layers = []
    for part in plan:
        if part == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, part, 3, padding=1), nn.ReLU()]
            channels = part
    return layers
""",
    },
    "6.2": {
        "activation before the sum": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(change) + (x if self.downsample is None else self.downsample(x))
""",
        "no shortcut": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(change)
""",
        "projection of stride 1": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(change + (x if self.downsample is None else self.downsample(x)))
""",
        "projection only when channels differ": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(change + (x if self.downsample is None else self.downsample(x)))
""",
        "projection only when the stride is not 1": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(change + (x if self.downsample is None else self.downsample(x)))
""",
        "always projects": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if True:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(change + (x if self.downsample is None else self.downsample(x)))
""",
        "stride in the second convolution": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(change + (x if self.downsample is None else self.downsample(x)))
""",
        "no activation in the branch": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(self.bn1(self.conv1(x))))
        return F.relu(change + (x if self.downsample is None else self.downsample(x)))
""",
        "no last activation": """class MyBasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return change + (x if self.downsample is None else self.downsample(x))
""",
    },
    "6.3": {
        "forgets batch norm": """def my_freeze(model, names):
    model.train()
    for name, child in model.named_children():
        child.requires_grad_(name not in names)
    return [p for p in model.parameters() if p.requires_grad]
""",
        "evaluation mode only": """def my_freeze(model, names):
    for name, child in model.named_children():
        child.train(name not in names)
    return [p for name, child in model.named_children() if name not in names for p in child.parameters()]
""",
        "never thaws": """def my_freeze(model, names):
    model.train()
    for name in names:
        model.get_submodule(name).requires_grad_(False).eval()
    return [p for p in model.parameters() if p.requires_grad]
""",
        "everything in evaluation mode": """def my_freeze(model, names):
    model.eval()
    for name, child in model.named_children():
        child.requires_grad_(name not in names)
    return [p for p in model.parameters() if p.requires_grad]
""",
        "freezes the others": """def my_freeze(model, names):
    for name, child in model.named_children():
        free = name in names
        child.train(free).requires_grad_(free)
    return [p for p in model.parameters() if p.requires_grad]
""",
        "returns all parameters": """def my_freeze(model, names):
    for name, child in model.named_children():
        free = name not in names
        child.train(free).requires_grad_(free)
    return list(model.parameters())
""",
        "undoes the evaluation mode": """def my_freeze(model, names):
    for name, child in model.named_children():
        free = name not in names
        child.train(free).requires_grad_(free)
    model.train()
    return [p for p in model.parameters() if p.requires_grad]
""",
    },
    "6.4": {
        "the gradient itself, not its sign": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y, reduction="sum"), inputs)
    return (x + (-eps if targeted else eps) * g).clamp(0, 1)
""",
        "no clipping": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
    return x + (-eps if targeted else eps) * g.sign()
""",
        "downhill": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
    return (x + (eps if targeted else -eps) * g.sign()).clamp(0, 1)
""",
        "ignores targeted": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
    return (x + eps * g.sign()).clamp(0, 1)
""",
        "leaves gradients in the parameters": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    F.cross_entropy(model(inputs), y).backward()
    return (x + (-eps if targeted else eps) * inputs.grad.sign()).clamp(0, 1)
""",
        "not detached": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
    return (inputs + (-eps if targeted else eps) * g.sign()).clamp(0, 1)
""",
        "changes the caller's x": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
    return x.add_((-eps if targeted else eps) * g.sign()).clamp_(0, 1)
""",
        "one sign for the whole image": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
    s = g.flatten(1).sum(1).sign().view(-1, *[1] * (x.ndim - 1))
    return (x + (-eps if targeted else eps) * s).clamp(0, 1)
""",
        "returns the change": """def my_fgsm(model, x, y, eps, targeted=False):
    inputs = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
    return (-eps if targeted else eps) * g.sign()
""",
    },
    "6.5": {
        "no projection": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = (x + eps * (2 * torch.rand(x.shape, generator=generator) - 1)).clamp(0, 1)
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        attacked = (attacked + step * g.sign()).clamp(0, 1)
    return attacked
""",
        "leaves [0, 1]": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = x + eps * (2 * torch.rand(x.shape, generator=generator) - 1)
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        attacked = torch.minimum(torch.maximum(attacked + step * g.sign(), x - eps), x + eps)
    return attacked
""",
        "no random start": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        attacked = torch.minimum(torch.maximum(attacked + step * g.sign(), x - eps), x + eps).clamp(0, 1)
    return attacked
""",
        "a slope taken once": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = (x + eps * (2 * torch.rand(x.shape, generator=generator) - 1)).clamp(0, 1)
    inputs = attacked.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
    for _ in range(steps):
        attacked = torch.minimum(torch.maximum(attacked + step * g.sign(), x - eps), x + eps).clamp(0, 1)
    return attacked
""",
        "projects around the last point": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = (x + eps * (2 * torch.rand(x.shape, generator=generator) - 1)).clamp(0, 1)
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        moved = attacked + step * g.sign()
        attacked = torch.minimum(torch.maximum(moved, attacked - eps), attacked + eps).clamp(0, 1)
    return attacked
""",
        "projects around the random start": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = (x + eps * (2 * torch.rand(x.shape, generator=generator) - 1)).clamp(0, 1)
    low, high = attacked - eps, attacked + eps
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        attacked = torch.minimum(torch.maximum(attacked + step * g.sign(), low), high).clamp(0, 1)
    return attacked
""",
        "starts at the corners": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        coin = torch.rand(x.shape, generator=generator) < 0.5
        attacked = (x + eps * torch.where(coin, 1.0, -1.0)).clamp(0, 1)
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        attacked = torch.minimum(torch.maximum(attacked + step * g.sign(), x - eps), x + eps).clamp(0, 1)
    return attacked
""",
        "starts above x only": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = (x + eps * torch.rand(x.shape, generator=generator)).clamp(0, 1)
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        attacked = torch.minimum(torch.maximum(attacked + step * g.sign(), x - eps), x + eps).clamp(0, 1)
    return attacked
""",
        "forgets the generator": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = (x + eps * (2 * torch.rand(x.shape) - 1)).clamp(0, 1)
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        attacked = torch.minimum(torch.maximum(attacked + step * g.sign(), x - eps), x + eps).clamp(0, 1)
    return attacked
""",
        "leaves gradients in the parameters": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = (x + eps * (2 * torch.rand(x.shape, generator=generator) - 1)).clamp(0, 1)
    for _ in range(steps):
        inputs = attacked.detach().requires_grad_()
        F.cross_entropy(model(inputs), y).backward()
        attacked = torch.minimum(torch.maximum(attacked + step * inputs.grad.sign(), x - eps), x + eps).clamp(0, 1)
    return attacked
""",
        "one step too many": """def my_pgd(model, x, y, eps, step, steps, random_start=True, generator=None):
    attacked = x.detach().clone()
    if random_start:
        attacked = (x + eps * (2 * torch.rand(x.shape, generator=generator) - 1)).clamp(0, 1)
    for _ in range(steps + 1):
        inputs = attacked.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y), inputs)
        attacked = torch.minimum(torch.maximum(attacked + step * g.sign(), x - eps), x + eps).clamp(0, 1)
    return attacked
""",
    },
    "6.6": {
        "zero_grad before the attack": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    optimizer.zero_grad()
    model.eval()
    attacked = attack(model, x, y)
    model.train()
    loss = (1 - mix) * F.cross_entropy(model(attacked), y)
    if mix > 0:
        loss = loss + mix * F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "never empties the gradients": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    model.eval()
    attacked = attack(model, x, y)
    model.train()
    loss = (1 - mix) * F.cross_entropy(model(attacked), y)
    if mix > 0:
        loss = loss + mix * F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "mix the wrong way round": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    model.eval()
    attacked = attack(model, x, y)
    model.train()
    loss = mix * F.cross_entropy(model(attacked), y) + (1 - mix) * F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "attacks in training mode": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    attacked = attack(model, x, y)
    loss = (1 - mix) * F.cross_entropy(model(attacked), y)
    if mix > 0:
        loss = loss + mix * F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "stays in evaluation mode": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    model.eval()
    attacked = attack(model, x, y)
    loss = (1 - mix) * F.cross_entropy(model(attacked), y)
    if mix > 0:
        loss = loss + mix * F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "trains on the clean batch only": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    model.eval()
    attack(model, x, y)
    model.train()
    loss = F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "ignores mix": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    model.eval()
    attacked = attack(model, x, y)
    model.train()
    loss = F.cross_entropy(model(attacked), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        "no update": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    model.eval()
    attacked = attack(model, x, y)
    model.train()
    loss = (1 - mix) * F.cross_entropy(model(attacked), y)
    if mix > 0:
        loss = loss + mix * F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    return loss.item()
""",
        "two updates": """def my_robust_step(model, optimizer, x, y, attack, mix=0.0):
    total = 0.0
    for share, clean in ((1 - mix, False), (mix, True)):
        model.eval()
        attacked = x if clean else attack(model, x, y)
        model.train()
        loss = share * F.cross_entropy(model(attacked), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total
""",
    },
}
