"""What is asked: problems, the procedural families that make them, and grading."""
