"""What a user would pick instead of the networks: all behind :class:`~training.peers.base.Peer`."""
