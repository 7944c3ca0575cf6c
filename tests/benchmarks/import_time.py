"""CPU time of `import deepweeks` over `import torch`, each in fresh interpreters, interleaved. Aim: at most 1.20."""

import resource
import statistics
import subprocess
import sys

REPEATS = int(sys.argv[1]) if len(sys.argv) > 1 else 9


def cpu_seconds(code):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


codes = ("import torch", "import deepweeks")
for code in codes:  # byte code and file cache
    cpu_seconds(code)
pairs = [[cpu_seconds(code) for code in codes] for _ in range(REPEATS)]
for code, times in zip(codes, zip(*pairs, strict=True), strict=True):
    print(f"{code:18} {statistics.median(times):.3f} s CPU (median of {REPEATS})")
print(f"ratio              {statistics.median(b / a for a, b in pairs):.3f}")
