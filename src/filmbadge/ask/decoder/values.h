/* What one value of an attribute is, as values.py and identifiers/checks.py say it, for a text in ASCII without escape.
 *
 * No function here keeps or allocates anything. A value comes stripped of spaces, zeros and line ends at both ends. */

#ifndef FILMBADGE_VALUES_H
#define FILMBADGE_VALUES_H

#include <stddef.h>
#include <stdint.h>

typedef struct { const uint8_t *at; size_t size; } Slice;

#define VR(a, b) ((uint16_t)((a) | (b) << 8))

/* Places in `model.Kind`. */
enum { PATIENT_NAME, PATIENT_ID, OTHER_NAMES, OTHER_IDS, BIRTH_DATE, SEX };

/* What signs a text has. FOREIGN: no ASCII, or an escape. CONTROL: a control character that no VR allows. TELLING: any but
 * those that a value of nothing has. */
enum { FOREIGN = 1, CONTROL = 2, BACKSLASH = 4, TELLING = 8 };

/* What a value is made like. */
enum { IS_REDACTED = 1, IS_PHANTOM = 2, IS_CODED = 4 };

#define FIRST_YEAR 1895
#define YEARS 255

#define MAX_NUMBER 32 /* signs in the number of a scheme */

unsigned value_signs(Slice text);
Slice value_strip(Slice text);
int value_well_formed(int kind, uint16_t vr, Slice text, unsigned signs);
/* The place of the year of a well-formed date among FIRST_YEAR and those after it, from 1 on. 0: it is none of these. */
int value_year_place(Slice text);
int value_appearance(int kind, uint16_t vr, Slice text);
int value_is_hash(Slice text);
int value_may_hold_ssn(Slice text);

/* Writes a value in capitals without the separators of any scheme. Returns its length, or MAX_NUMBER + 1 if it is longer. */
size_t value_number(Slice text, uint8_t number[MAX_NUMBER]);
int number_is_nine_digits(const uint8_t *number, size_t size);
int number_is_ssn(const uint8_t *nine_digits);
int number_begins_with_a_date(const uint8_t *nine_digits);

/* Whether a text is written so: 9 is a digit, A a letter, ? either, and any other sign itself. Letters count as capitals. */
int written_as(const uint8_t *text, const uint8_t *written, size_t size);

#endif
