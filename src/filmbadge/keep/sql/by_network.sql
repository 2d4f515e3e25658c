-- Archives by network: that of the source that attributes them, else an IPv4 /24 or an IPv6 /48.
CREATE OR REPLACE VIEW by_network AS
SELECT * RENAME (place AS network) FROM tally(network) ORDER BY archives_open DESC, archives DESC, place;
