"""The doctor: looks at a data folder, its machine and its configuration; says what it finds and what to do; never writes."""
