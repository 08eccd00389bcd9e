"""What several screens share: shell, session state, words, choosers, drawings of records, the viewer."""
