"""What may vary in a search, checked like a config before the first trial."""

from __future__ import annotations

from cifarcnn.config.search_space.parameters import Choices as Choices
from cifarcnn.config.search_space.parameters import Parameter as Parameter
from cifarcnn.config.search_space.parameters import Range as Range
from cifarcnn.config.search_space.parameters import Value as Value
from cifarcnn.config.search_space.reading import read_search_space as read_search_space
from cifarcnn.config.search_space.space import SearchSpace as SearchSpace
