/*
 * schema_loop - finds references that lead back to where they stand without going into the value: checking by them would never
 * end (Core §9.4.1). A part of the compiler; on the thread that compiles.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_LOOP_H
#define PORTCULLIS_VALIDATE_SCHEMA_LOOP_H

#include "validate/schema_compile.h"

/* False: there is one, or no memory, and an error is set. References must be resolved. A $dynamicRef counts where nothing but what
 * it names at first can be meant; the checker's bounds take care of others. */
bool schema_loop_check(struct schema_compiler *compiler);

#endif
