"""What SatDiFuser's heads are worth beside networks from scratch, raw pixels and a random backbone."""
