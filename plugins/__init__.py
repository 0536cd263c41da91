"""The plugins that come with AutoCore; imported and installed as `autocore_plugins`."""
