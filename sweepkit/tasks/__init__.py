"""Kinds of problems that sweep packages belong to, behind one interface; README.md explains it."""
