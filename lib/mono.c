// SPDX-License-Identifier: GPL-2.0-or-later
#include "mono.h"

#include <assert.h>

mono mono_add(mono a, mono b)
{
	if (mono_is_never(a) || mono_is_never(b))
		return mono_never();
	return (mono){.ns = a.ns + b.ns};
}

mono mono_sub(mono a, mono b)
{
	assert(!mono_is_never(b));
	if (mono_is_never(a))
		return mono_never();
	return (mono){.ns = a.ns - b.ns};
}

mono mono_mul(mono t, int64_t factor)
{
	if (mono_is_never(t))
		return mono_never();
	return (mono){.ns = t.ns * factor};
}
