"""A tracker of tasks: projects with members, tasks with comments and attached files."""
