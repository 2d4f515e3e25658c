from filmbadge.ask.wire.dimse.core.pure import Reader as Reader
from filmbadge.ask.wire.dimse.core.pure import Tally as Tally
