/* Whether a number passes the rule of a scheme of national identifiers. The rule is a program: a few bytes, which
   filmbadge.identifiers makes. instructions.py describes the language. */

#ifndef FILMBADGE_PROGRAMS_H
#define FILMBADGE_PROGRAMS_H

#include <stddef.h>
#include <stdint.h>

/* 1 if the number passes, else 0. The number is of the scheme's shape: capitals and digits without separators.
   Any bytes may be given as either: nothing outside them is read, and it ends within one pass over the program. */
int program_valid(const uint8_t *program, size_t size, const uint8_t *number, size_t length);

#endif
