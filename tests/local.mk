# Unit tests, one program a noun.
if HAVE_CMOCKA
unit_tests =
unit_libraries = libserve.a librelay.a libnet.a libbase.a $(CMOCKA_LIBS) $(LIBBSD_LIBS)
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
