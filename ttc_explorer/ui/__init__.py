"""What people see: pages, the live search tree, figures and the theme, in Gradio."""
