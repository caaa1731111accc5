"""Lessons: data files that set the page's own controls, ask before they show, and see what the
learner did (``docs/lessons.md``)."""
