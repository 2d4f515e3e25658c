from filmbadge.ask.decoder.pure import DistinctSet as DistinctSet
from filmbadge.ask.decoder.pure import PersonalTally as PersonalTally
from filmbadge.ask.decoder.pure import Reader as Reader
from filmbadge.ask.decoder.pure import Tally as Tally
from filmbadge.ask.decoder.uids import has_uid as has_uid

def program_valid(program: bytes, number: bytes) -> bool: ...
