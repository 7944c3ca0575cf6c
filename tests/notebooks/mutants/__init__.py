"""Plausible wrong answers to the exercises: `weekNN.MUTANTS[exercise][what is wrong]` replaces the stub cell."""
