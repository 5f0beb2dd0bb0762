"""The alerts that hold now, for everybody and without a token: as Atom, as RSS, and each as its CAP document."""
