"""The official archives from the network, whole and checked, or a sentence why not."""
