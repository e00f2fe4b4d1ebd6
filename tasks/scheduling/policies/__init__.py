"""Policies: what decides which unit is wanted most. Each is a function of pool and cells; `tasks.scheduling.plan` picks one."""
