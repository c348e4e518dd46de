# headrace_room(NAME [LIBRARY...]): src/headrace/NAME becomes the static library headrace_NAME, which sees every room
# declared before it; its *_test.cc files become one test program NAME_test. A room without files yet is skipped.

set(HEADRACE_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND HEADRACE_WARNINGS -Wno-restrict)  # false alarms on std::string::insert in g++ 12 (GCC bug 105329)
  list(APPEND HEADRACE_WARNINGS -Wno-subobject-linkage)  # an unnamed namespace in a file that is compiled with others is still of one object
else()
  list(APPEND HEADRACE_WARNINGS -Wno-deprecated-declarations)  # libstdc++ 12's own stable_sort asks for what C++17 deprecates, and clang tells us
endif()
# Where no rows pass, time to compile is worth more than speed: tests (GoogleTest), commands (CLI11) and the rooms that drive or tell.
set(HEADRACE_QUICK $<$<CONFIG:Release>:-O1>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND HEADRACE_QUICK -Wno-maybe-uninitialized)  # at -O1 g++ 12 does not see what nlohmann's moves leave behind
endif()
set(HEADRACE_QUICK_ROOMS http notify pipeline store report step run schedule cli)
# Four files of a room at a time: most of a file's compile time goes into headers that its neighbours read too. Names in unnamed namespaces
# then meet; a clash is an error of the compiler, and one of the two gets the better name. The clang preset compiles each file alone.
option(HEADRACE_UNITY "compile four files of a room at a time" ON)
set(HEADRACE_ALONE feature/reduce.cc base/version.cc base/time_zone.cc)  # long by itself; new with each commit; with definitions of its own
list(TRANSFORM HEADRACE_ALONE PREPEND ${CMAKE_SOURCE_DIR}/src/headrace/)
set_source_files_properties(${HEADRACE_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
set(HEADRACE_ROOMS "" CACHE INTERNAL "")
find_package(GTest REQUIRED)
include(GoogleTest)

# Every bit of arithmetic is as written: no fused multiply-add, no fast-math (DESIGN: "same bits").
add_compile_options(-ffp-contract=off)

function(headrace_room name)
  file(GLOB all CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/headrace/${name}/*.cc)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|/main\\.cc$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(NOT sources)
    return()
  endif()
  set(above ${HEADRACE_ROOMS})
  list(REVERSE above)
  add_library(headrace_${name} STATIC ${sources})
  set_target_properties(headrace_${name} PROPERTIES UNITY_BUILD ${HEADRACE_UNITY} UNITY_BUILD_BATCH_SIZE 4)
  target_include_directories(headrace_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_compile_options(headrace_${name} PRIVATE ${HEADRACE_WARNINGS})
  if(name IN_LIST HEADRACE_QUICK_ROOMS)
    target_compile_options(headrace_${name} PRIVATE ${HEADRACE_QUICK})
  endif()
  target_link_libraries(headrace_${name} PUBLIC ${above} ${ARGN} Threads::Threads)
  set(HEADRACE_ROOMS ${HEADRACE_ROOMS} headrace_${name} CACHE INTERNAL "")
  if(tests)
    add_executable(${name}_test ${tests})
    target_compile_options(${name}_test PRIVATE ${HEADRACE_WARNINGS} ${HEADRACE_QUICK})
    target_link_libraries(${name}_test PRIVATE headrace_${name} ${ARGN} GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE HEADRACE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HEADRACE_LIB_DIR="${HEADRACE_LIB_DIR}")
    # One entry a test; those on a PostgreSQL server share one, since each entry would start its own.
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}. TEST_FILTER "-Postgres*" DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
                         PROPERTIES TIMEOUT 300)
    if(name STREQUAL "store")
      add_test(NAME ${name}.Postgres COMMAND ${name}_test --gtest_filter=Postgres*)
      set_tests_properties(${name}.Postgres PROPERTIES TIMEOUT 300)
    endif()
  endif()
endfunction()
