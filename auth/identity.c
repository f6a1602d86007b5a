/*
 * identity - giving back what token_check() made.
 */
#include "auth/identity.h"

#include <stdlib.h>

void identity_free(struct identity **identity)
{
    free(*identity);
    *identity = NULL;
}
