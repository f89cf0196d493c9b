"""What a side that a hidden family has left could find out: everything that it holds, searched and measured."""
