/* One element of the DICOM JSON model, PS3.18 F.2, as text. */

#ifndef FILMBADGE_ELEMENT_H
#define FILMBADGE_ELEMENT_H

#include "values.h"

enum { ELEMENT_STRING = 1, ELEMENT_NUMBER = 2, ELEMENT_NAME = 4 };

/* Finds the text of an element, between the signs of the element itself; it is empty where there is no value. Returns what
 * it is made of, or 0 for an empty one, or -1 for what must be read by somebody else: several values, another form of a
 * name than the alphabetic one, a sequence, an escape, a sign outside of printable ASCII, a number that is no short
 * integer, a member that comes twice, or no JSON. */
int element_text(Slice element, Slice *text);

#endif
