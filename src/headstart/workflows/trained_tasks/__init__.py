"""What tasks share whose networks are trained by the task's own loss: how, what came of it, and its record."""
