"""One census over every protocol, against archives that cut off, refuse, repeat and take no notice: the truth or a doubt."""

from __future__ import annotations

from itertools import product

import pytest

from support.simulated_archive import DATES, Simulated, days
from support.simulated_protocols import IMAGES, OverDimse, OverQido
from test_plan import MANNERS
