# SPDX-License-Identifier: GPL-2.0-or-later
# hapair: `make help` lists the goals. Everything is built below $(B).

B        ?= build
ifeq ($(origin CC),default)
CC       := gcc
endif
PREFIX   ?= /usr/local
SBINDIR  ?= $(PREFIX)/sbin
MANDIR   ?= $(PREFIX)/share/man
DESTDIR  ?=
JOBS     ?= $(shell nproc)
V        ?= 0
SAN      ?= 0
VERSION  := 0.1.0

Q := $(if $(filter 1,$(V)),,@)
# Recipes that build call make again: what `make deps` has just installed is then seen, in any order.
SUBMAKE    = $(MAKE) -j$(JOBS) --no-print-directory
AFTER_DEPS = $(filter deps deps-build,$(MAKECMDGOALS))
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' $(1) $(2))

PKGS     := libnl-3.0 libnl-route-3.0 libnftnl libmnl libevent libevent_openssl openssl jansson \
            libbsd-overlay smartcols libcap-ng
PKG_INC  := $(shell pkg-config --cflags-only-I $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -linih

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual \
        -Wpointer-arith -Wvla -Wswitch-enum -Wformat=2 -Wundef -Wwrite-strings -Werror
CONVERSION := -Wconversion -Wsign-conversion
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
CFLAGS  ?= -O2 -g
LDFLAGS ?=
ifeq ($(SAN),1)
CFLAGS  := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
HARDEN  := -fPIE
LDFLAGS += -fsanitize=address,undefined
B := build/san
endif
CPPFLAGS += -D_GNU_SOURCE $(shell pkg-config --cflags-only-other libbsd-overlay 2>/dev/null) -DHAPAIR_VERSION='"$(VERSION)"' -Ilib -I. $(PKG_INC)
BASE_CFLAGS := -std=c11 $(CFLAGS) $(WARN) $(HARDEN) -MMD -MP
LINK := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

objs = $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1)))
LIB_OBJS   := $(call objs,lib/*.c)
VRRPD_OBJS := $(call objs,vrrpd/*.c)
LBD_OBJS   := $(call objs,lbd/*.c)
HACTL_OBJS := $(call objs,hactl/*.c hactl/drill/*.c)
PROGRAMS   := $(patsubst %/main.c,$(B)/%,$(wildcard */main.c))

UNIT_TESTS := $(patsubst tests/unit/test_%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
SIM_TESTS  := $(patsubst tests/sim/test_%.c,$(B)/tests/sim/%,$(wildcard tests/sim/test_*.c))
FUZZERS    := $(patsubst tests/fuzz/fuzz_%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
NS_TOOLS   := $(patsubst tests/ns/%.c,$(B)/tests/ns/%,$(wildcard tests/ns/*.c))
SOURCES    := $(wildcard lib/*.[ch] vrrpd/*.[ch] lbd/*.[ch] hactl/*.[ch] hactl/drill/*.[ch] \
                tests/*/*.[ch])
MANPAGES   := $(wildcard vrrpd/*.8 lbd/*.8 hactl/*.8 etc/*.5)

.DEFAULT_GOAL := all
.SECONDEXPANSION:
.SECONDARY:

## all: the three programs (CC=clang, CFLAGS=..., SAN=1, V=1, B=folder)
ifeq ($(filter deps deps-build,$(MAKECMDGOALS)),)
all: $(PROGRAMS)
else
all: | $(AFTER_DEPS)
	$(Q)$(SUBMAKE) all
endif

# Another compiler or other flags build everything anew.
FLAGS := $(CC) $(CFLAGS) $(LDFLAGS) $(SAN)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@
FORCE:

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(BASE_CFLAGS) $(CONVERSION) -c -o $@ $<

$(B)/libhapair.a: $(LIB_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/vrrpd: $(VRRPD_OBJS) $(B)/libhapair.a
$(B)/lbd: $(LBD_OBJS) $(B)/libhapair.a
$(B)/hactl: $(HACTL_OBJS) $(B)/libhapair.a
$(PROGRAMS):
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) -o $@ $^ $(PKG_LIBS)

# A test names what it links in its second line: /* links: vrrpd/vrrp_fsm lib/mono */
links = $(addprefix $(B)/obj/,$(addsuffix .o,$(shell sed -n 's|.*[/ ]\* links:\(.*\)\*/|\1|p' $(1))))

$(B)/obj/tests/%.o: tests/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(BASE_CFLAGS) -Wno-pedantic -c -o $@ $<

$(B)/tests/unit/%: $(B)/obj/tests/unit/test_%.o $$(call links,tests/unit/test_$$*.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) -o $@ $^ $(PKG_LIBS) -lcriterion

$(B)/tests/sim/%: $(B)/obj/tests/sim/test_%.o $$(call links,tests/sim/test_$$*.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) -o $@ $^ $(PKG_LIBS) -lcriterion

$(B)/tests/ns/%: $(B)/obj/tests/ns/%.o $$(call links,tests/ns/$$*.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) -o $@ $^ $(PKG_LIBS)

# Fuzz targets are built with clang from sources: they need the coverage of what they link.
fuzz_sources = $(addsuffix .c,$(shell sed -n 's|.*[/ ]\* links:\(.*\)\*/|\1|p' $(1)))
$(B)/tests/fuzz/%: tests/fuzz/fuzz_%.c $$(call fuzz_sources,tests/fuzz/fuzz_$$*.c)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)clang -std=c11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(CPPFLAGS) -o $@ $^ $(PKG_LIBS)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

## drill: rehearse every failure in network namespaces (needs root)
drill: | $(AFTER_DEPS)
	$(Q)$(SUBMAKE) all
	$(Q)$(B)/hactl -c etc/hapair.conf drill $(DRILL)

## deps: install what build and tests need (Debian 12, apt-get); quick when nothing is missing
deps:
	$(Q)tests/deps.sh

## deps-build: only what compiling needs, for a gateway
deps-build:
	$(Q)tests/deps.sh build

## test: everything; closes with `N passed, N failed` (needs root for the namespaced tests)
test: | $(AFTER_DEPS)
	$(Q)$(SUBMAKE) all unit-tests tools fuzzers check-layers
	$(Q)$(SUBMAKE) SAN=1 unit-tests
	$(Q)$(SUBMAKE) CC=clang B=$(B)/clang all
	$(Q)tests/run.sh $(B)

unit-tests: $(UNIT_TESTS) $(SIM_TESTS)
tools: $(NS_TOOLS)
fuzzers: $(FUZZERS)

## unit: unit tests and simulations only (no root, no namespaces)
unit: | $(AFTER_DEPS)
	$(Q)$(SUBMAKE) unit-tests
	$(Q)tests/run.sh $(B) unit

# Cores may use nothing that reads a clock, does I/O, logs or allocates behind the caller's back.
CORES := lib/mono lib/wire lib/addr lib/cksum lib/nearest lib/schema lib/profile lib/ctl \
         lib/epm lib/epm_map vrrpd/vrrp_fsm vrrpd/vrrp_pkt vrrpd/announce vrrpd/group \
         vrrpd/preempt vrrpd/track lbd/table lbd/plan lbd/plan_back lbd/plan_diff lbd/health \
         lbd/probe lbd/probe_tcp lbd/servers lbd/flow lbd/sync_frame lbd/sync_fsm \
         lbd/sync_fsm_view lbd/sync_fsm_record hactl/snapshot hactl/verdict hactl/ready hactl/drill/judge
## check-layers: cores link nothing but values
check-layers: $(foreach c,$(CORES),$(if $(wildcard $(c).c),$(B)/obj/$(c).o))
	$(Q)tests/check-layers.sh $^

## check-man: manual pages pass mandoc's lint
check-man:
	$(Q)tests/check-man.sh $(MANPAGES)

## format / format-check: clang-format decides
format:
	$(Q)clang-format -i $(SOURCES)
format-check:
	$(Q)clang-format --dry-run -Werror $(SOURCES)

## tidy: clang-tidy over the programs and the library
TIDIED := $(patsubst %.c,$(B)/tidy/%.ok,$(filter %.c,$(filter-out tests/%,$(SOURCES))))
tidy:
	$(Q)$(SUBMAKE) -k $(TIDIED)
$(B)/tidy/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet $< -- -std=c11 $(CPPFLAGS) 2>/dev/null
	@touch $@

## install: programs, manual pages, units, example, completion below $(DESTDIR)$(PREFIX)
install: | $(AFTER_DEPS)
	$(Q)$(SUBMAKE) all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(MANDIR)/man5 \
		$(DESTDIR)$(PREFIX)/share/doc/hapair $(DESTDIR)/etc/hapair \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -m 0755 $(PROGRAMS) $(DESTDIR)$(SBINDIR)
	install -m 0644 vrrpd/vrrpd.8 lbd/lbd.8 hactl/hactl.8 $(DESTDIR)$(MANDIR)/man8
	install -m 0644 etc/hapair.conf.5 $(DESTDIR)$(MANDIR)/man5
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in vrrpd lbd; do \
		sed 's|@SBINDIR@|$(SBINDIR)|' etc/$$unit.service.in \
			>$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit.service; \
	done
	install -m 0644 etc/hapair.conf README.md $(DESTDIR)$(PREFIX)/share/doc/hapair
	install -m 0644 etc/completion/hactl.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/hactl
	install -m 0644 etc/completion/_hactl $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_hactl

## clean: remove build/
clean:
	$(Q)rm -rf build

## help: this list
help:
	@sed -n 's/^## /  /p' $(MAKEFILE_LIST)

.PHONY: FORCE all drill deps deps-build test unit unit-tests tools fuzzers check-layers check-man format \
	format-check tidy install clean help
