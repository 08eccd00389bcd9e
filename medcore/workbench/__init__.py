"""The one door for pages and shell: what a user can do, without how it is drawn or where it is kept."""
