"""Storage: state.db, history.db and a file for each plugin with tables, each through Pony in threads of its own."""
