# The three kinds of target of this project. Sources are always listed by name, never globbed, so that a file that
# was forgotten shows up in review.

find_package(GTest REQUIRED)
include(GoogleTest)

# Flags for our own code. Third-party headers come in as SYSTEM.
add_library(mifeng_flags INTERFACE)
target_compile_options(mifeng_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  # g++ 12 reports these two falsely through std::string and coroutine frames.
  # ... and this one about the frames of Asio coroutines, which have a pair of new and delete of their own.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized>
  # g++ leaves this out of -Wconversion; clang does not.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>
  -fstack-protector-strong)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # Line tables only: full debug information triples the link time and the size of every test.
  target_compile_options(mifeng_flags INTERFACE -g1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  # Assertions are for programmer errors and stay on in release (docs/conventions).
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
endif()
if(MIFENG_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Debug")
  # Compiles faster than without any optimisation, into objects of half the size, and runs several times as fast; line
  # tables are all that a sanitizer's report needs.
  add_compile_options(-Og -g1)
endif()
if(MIFENG_SANITIZE)
  add_compile_options(-fsanitize=${MIFENG_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MIFENG_SANITIZE})
  if(MIFENG_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      # clang 14 reports every coroutine call as a call through a wrong function type.
      add_compile_options(-fno-sanitize=function)
    endif()
  endif()
endif()
if(MIFENG_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# mifeng_arrows(NAME VARIABLE): the targets that libs/layers.txt lets a library use, which is the one list of them.
set_property(DIRECTORY "${CMAKE_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/libs/layers.txt")
function(mifeng_arrows name variable)
  file(STRINGS "${CMAKE_SOURCE_DIR}/libs/layers.txt" lines REGEX "^${name}:")
  list(LENGTH lines count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "libs/layers.txt has ${count} lines for ${name}; there has to be one")
  endif()
  string(REGEX REPLACE "^${name}: *" "" arrows "${lines}")
  string(REGEX MATCHALL "[a-z_]+" arrows "${arrows}")
  list(TRANSFORM arrows PREPEND "mifeng::")
  set(${variable} "${arrows}" PARENT_SCOPE)
endfunction()

# mifeng_library(NAME SOURCES a.cpp... [LIBS public third-party] [PRIVATE_LIBS ...])
# A library libs/NAME with include/mifeng/NAME (public) and src (private); target mifeng::NAME. What it uses of ours
# stands in libs/layers.txt.
function(mifeng_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;PRIVATE_LIBS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "mifeng_library(${name}) does not take ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  mifeng_arrows(${name} ARG_DEPENDS)
  if(ARG_SOURCES)
    add_library(mifeng_${name} STATIC ${ARG_SOURCES})
    target_include_directories(mifeng_${name} PUBLIC include PRIVATE src)
    target_link_libraries(mifeng_${name} PUBLIC ${ARG_DEPENDS} ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS} mifeng_flags)
  else()
    add_library(mifeng_${name} INTERFACE)
    target_include_directories(mifeng_${name} INTERFACE include)
    target_link_libraries(mifeng_${name} INTERFACE ${ARG_DEPENDS} ${ARG_LIBS})
  endif()
  add_library(mifeng::${name} ALIAS mifeng_${name})
endfunction()

# Unit tests are compiled and run once: those of the libraries in libs/sanitized.txt in the build with ASan and UBSan, all
# others in the release build; MIFENG_UNIT_TESTS (CMakePresets.json) says which of the two this is. What a build does not
# run it can still compile when asked to by name: long tests use some of these programs.
file(STRINGS "${CMAKE_SOURCE_DIR}/libs/sanitized.txt" MIFENG_SANITIZED_LIBRARIES REGEX "^[a-z]")
set_property(DIRECTORY "${CMAKE_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/libs/sanitized.txt")
set_property(GLOBAL PROPERTY MIFENG_TESTED_LIBRARIES)
function(mifeng_runs_unit_tests_of library result)
  if(MIFENG_UNIT_TESTS STREQUAL "all")
    set(${result} TRUE PARENT_SCOPE)
  elseif(library IN_LIST MIFENG_SANITIZED_LIBRARIES)
    string(COMPARE EQUAL "${MIFENG_UNIT_TESTS}" "sanitized" is_here)
    set(${result} ${is_here} PARENT_SCOPE)
  else()
    string(COMPARE EQUAL "${MIFENG_UNIT_TESTS}" "others" is_here)
    set(${result} ${is_here} PARENT_SCOPE)
  endif()
endfunction()

# Every program of the unit tests that run in this build; unit_LIBRARY are those of one library. long_tests are programs of
# the long tests that nothing else needs here.
add_custom_target(long_tests)
add_custom_target(unit_tests)
function(mifeng_add_to_unit_tests library target)
  if(NOT TARGET unit_${library})
    add_custom_target(unit_${library})
    add_dependencies(unit_tests unit_${library})
  endif()
  add_dependencies(unit_${library} ${target})
endfunction()

# What `./test` asks a build: a line "LIBRARY here" or "LIBRARY elsewhere" for every library that has unit tests, according to
# whether some of them run in this build. Called once all are known.
function(mifeng_write_unit_tests)
  get_property(libraries GLOBAL PROPERTY MIFENG_TESTED_LIBRARIES)
  foreach(library ${MIFENG_SANITIZED_LIBRARIES})
    if(NOT library IN_LIST libraries)
      message(FATAL_ERROR "libs/sanitized.txt names ${library}, which has no unit tests")
    endif()
  endforeach()
  list(SORT libraries)
  set(lines "")
  foreach(library ${libraries})
    set(where elsewhere)
    if(TARGET unit_${library})
      set(where here)
    endif()
    string(APPEND lines "${library} ${where}\n")
  endforeach()
  file(WRITE "${CMAKE_BINARY_DIR}/unit-tests.txt" "${lines}")
endfunction()

# mifeng_test(LIBRARY SOURCES src/x_test.cpp... [LIBS extra] [TIMEOUT s]): one test program for a library; every
# TEST is a ctest case, labelled `unit`, in the build that runs them.
function(mifeng_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(NOT BUILD_TESTING OR MIFENG_FUZZ)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_property(GLOBAL APPEND PROPERTY MIFENG_TESTED_LIBRARIES ${name})
  mifeng_runs_unit_tests_of(${name} is_here)
  if(is_here)
    add_executable(${name}_test ${ARG_SOURCES})
    mifeng_add_to_unit_tests(${name} ${name}_test)
  else()
    add_executable(${name}_test EXCLUDE_FROM_ALL ${ARG_SOURCES})
  endif()
  target_include_directories(${name}_test PRIVATE src)
  target_link_libraries(${name}_test PRIVATE mifeng::${name} mifeng::os GTest::gmock_main ${ARG_LIBS} mifeng_flags)
  target_compile_definitions(${name}_test PRIVATE MIFENG_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  # Nobody ships these; they compile in a fifth less time so.
  target_compile_options(${name}_test PRIVATE -Og)
  if(is_here)
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
      PROPERTIES LABELS unit TIMEOUT ${ARG_TIMEOUT})
  endif()
endfunction()

# mifeng_bench(NAME SOURCES src/x_bench.cpp LIBS mifeng::x ...): a google-benchmark program, built only when ./bench/run
# asks for it.
function(mifeng_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT BUILD_TESTING OR MIFENG_FUZZ OR MIFENG_SANITIZE)
    return()
  endif()
  find_package(benchmark REQUIRED CONFIG)
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} benchmark::benchmark mifeng_flags)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
endfunction()

# mifeng_fuzz(NAME SOURCE src/x_fuzz.cpp CORPUS dir LIBS mifeng::x): a libFuzzer target and a long test that runs it for
# MIFENG_FUZZ_SECONDS; what it finds new goes on with it the next time. Without MIFENG_FUZZ a unit test of its library that
# replays the corpus.
set(MIFENG_FUZZ_SECONDS 60 CACHE STRING "how long each fuzz target runs, in seconds")
function(mifeng_fuzz name)
  cmake_parse_arguments(ARG "" "SOURCE;CORPUS" "LIBS" ${ARGN})
  if(MIFENG_FUZZ)
    add_executable(${name} ${ARG_SOURCE})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE ${ARG_LIBS} mifeng_flags)
    set(found "${CMAKE_CURRENT_BINARY_DIR}/${name}-found")
    file(MAKE_DIRECTORY "${found}")
    add_test(NAME fuzz.${name} COMMAND ${name} -max_total_time=${MIFENG_FUZZ_SECONDS} -timeout=20 -rss_limit_mb=2048
      -print_final_stats=1 "-artifact_prefix=${found}-" "${found}" ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS})
    math(EXPR limit "${MIFENG_FUZZ_SECONDS} + 300")
    set_tests_properties(fuzz.${name} PROPERTIES LABELS long TIMEOUT ${limit})
  elseif(BUILD_TESTING)
    get_filename_component(library "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
    mifeng_runs_unit_tests_of(${library} is_here)
    if(NOT is_here)
      return()
    endif()
    add_executable(${name} ${ARG_SOURCE} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    target_link_libraries(${name} PRIVATE ${ARG_LIBS} mifeng_flags)
    mifeng_add_to_unit_tests(${library} ${name})
    add_test(NAME fuzz.replay.${name} COMMAND ${name} ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS})
    set_tests_properties(fuzz.replay.${name} PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()

# mifeng_program(NAME SOURCES ... DEPENDS ... LIBS ...): a program of apps/, into MIFENG_BIN_DIR.
function(mifeng_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBS" ${ARGN})
  list(TRANSFORM ARG_DEPENDS PREPEND "mifeng::")
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} ${ARG_LIBS} mifeng_flags)
  target_compile_definitions(${name} PRIVATE MIFENG_VERSION="${PROJECT_VERSION}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${MIFENG_BIN_DIR}")
  add_dependencies(programs ${name})
endfunction()

# mifeng_pytest(NAME [TOGETHER] [HEAVY test_x...] [AFTER integration.x.test_y] [KUBERNETES test_z...] [LONG_TIMEOUT s]):
# tests/NAME with pytest, one ctest case a test file; TOGETHER: one for all files of the folder, which share what they start.
# Files test_*_long.py are long tests, files test_*_cluster.py tests on a real Kubernetes, files test_*_browser.py what
# `./test browser` runs beside the others of tests/browser, all others integration tests. The interpreter is
# MIFENG_TEST_PYTHON (./test makes it); the programs' folder and the source tree come in the environment. The locale is set,
# since the command line speaks the language of its caller.
#
# `./test` runs three cases at a time: whatever there is one of on a machine a test has to share or to have for itself
# (tests/support/ports.py). HEAVY ones use both processors all the time, so that only one case runs beside them. AFTER: they
# use what that case leaves in the caches, and would all make it at once otherwise. KUBERNETES: integration tests that start a
# cluster and are among `./test cluster` too; they come last, since its programs are built while other tests run, and wait
# for that.
set(MIFENG_INTEGRATION_TIMEOUT 900)
set(MIFENG_CLUSTER_TIMEOUT 5400)
function(mifeng_pytest name)
  cmake_parse_arguments(ARG "TOGETHER" "AFTER;LONG_TIMEOUT" "HEAVY;KUBERNETES" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  file(GLOB files CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}/tests/${name}" "${CMAKE_SOURCE_DIR}/tests/${name}/test_*.py")
  if(NOT ARG_LONG_TIMEOUT)
    set(ARG_LONG_TIMEOUT 3600)
  endif()
  if(NOT files)
    message(FATAL_ERROR "tests/${name} has no test_*.py")
  endif()
  set(together "")
  foreach(file ${files})
    get_filename_component(stem ${file} NAME_WE)
    if(stem MATCHES "_long$")
      mifeng_pytest_case(long.${name}.${stem} ${name}/${file})
      set_tests_properties(long.${name}.${stem} PROPERTIES LABELS long TIMEOUT ${ARG_LONG_TIMEOUT})
      continue()
    endif()
    if(stem MATCHES "_cluster$")
      mifeng_pytest_case(cluster.${name}.${stem} ${name}/${file})
      # There is one cluster on a machine at a time, but for tests of two.
      set_tests_properties(cluster.${name}.${stem} PROPERTIES LABELS cluster TIMEOUT ${MIFENG_CLUSTER_TIMEOUT}
        RESOURCE_LOCK kubernetes)
      continue()
    endif()
    if(stem MATCHES "_browser$")
      mifeng_pytest_case(browser.${name}.${stem} ${name}/${file})
      set_tests_properties(browser.${name}.${stem} PROPERTIES LABELS browser TIMEOUT ${MIFENG_INTEGRATION_TIMEOUT})
      continue()
    endif()
    list(APPEND together ${name}/${file})
    if(NOT ARG_TOGETHER)
      set(case integration.${name}.${stem})
      mifeng_pytest_case(${case} ${name}/${file})
      set_tests_properties(${case} PROPERTIES LABELS integration TIMEOUT ${MIFENG_INTEGRATION_TIMEOUT})
      if(stem IN_LIST ARG_HEAVY)
        set_tests_properties(${case} PROPERTIES PROCESSORS 2)
      endif()
      if(stem IN_LIST ARG_KUBERNETES)
        set_tests_properties(${case} PROPERTIES LABELS "integration;cluster" TIMEOUT ${MIFENG_CLUSTER_TIMEOUT}
          RESOURCE_LOCK kubernetes COST -1)
      endif()
      if(ARG_AFTER AND NOT case STREQUAL ARG_AFTER)
        set_tests_properties(${case} PROPERTIES DEPENDS ${ARG_AFTER})
      endif()
    endif()
  endforeach()
  if(ARG_TOGETHER)
    mifeng_pytest_case(integration.${name} ${together})
    set_tests_properties(integration.${name} PROPERTIES LABELS integration TIMEOUT ${MIFENG_INTEGRATION_TIMEOUT})
    if(name STREQUAL "browser")
      # Chromium ends whatever request is under way when the machine gets or loses a network interface, as other tests do
      # to it with each container.
      set_tests_properties(integration.${name} PROPERTIES LABELS "integration;browser" RUN_SERIAL TRUE)
    endif()
    if(ARG_AFTER)
      set_tests_properties(integration.${name} PROPERTIES DEPENDS ${ARG_AFTER})
    endif()
  endif()
endfunction()

# mifeng_pytest_case(CASE FILE...): files below tests/.
function(mifeng_pytest_case case)
  list(TRANSFORM ARGN PREPEND "${CMAKE_SOURCE_DIR}/tests/" OUTPUT_VARIABLE paths)
  list(JOIN paths "\" \"" quoted)
  add_test(NAME ${case}
    COMMAND sh -c "exec \"\${MIFENG_TEST_PYTHON:-python3}\" -m pytest -q -x -p no:cacheprovider \"${quoted}\"")
  set_tests_properties(${case} PROPERTIES ENVIRONMENT
    "MIFENG_BIN=${MIFENG_BIN_DIR};MIFENG_BUILD=${CMAKE_BINARY_DIR};MIFENG_SOURCE=${CMAKE_SOURCE_DIR};PYTHONDONTWRITEBYTECODE=1;LC_ALL=C.UTF-8")
endfunction()
