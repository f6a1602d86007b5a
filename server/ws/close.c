/*
 * close - which close codes may be on the wire. Called by the reader for codes from a peer and by sessions for
 * their own; any thread.
 */
#include "server/ws/close.h"

bool ws_close_code_valid(unsigned code)
{
    /* 1004 is reserved without a meaning; 1005, 1006 and 1015 stand for what was not on the wire. */
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
