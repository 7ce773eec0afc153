"""The exercise: the functions that a student writes, tried one by one."""
