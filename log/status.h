// Passing an error status up, in one line.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include <utility>

// In a function that returns absl::Status or absl::StatusOr.
#define SLIP_RETURN_IF_ERROR(expression)                                                  \
  do {                                                                                    \
    if (::absl::Status slip_status = (expression); !slip_status.ok()) return slip_status; \
  } while (false)

#define SLIP_CONCAT_INNER(a, b) a##b
#define SLIP_CONCAT(a, b) SLIP_CONCAT_INNER(a, b)
#define SLIP_ASSIGN_OR_RETURN(declaration, expression) \
  SLIP_ASSIGN_OR_RETURN_IMPL(SLIP_CONCAT(slip_or_, __LINE__), declaration, return, expression)

// The same in a coroutine. Name the awaited result first where the operand is itself a temporary.
#define SLIP_CO_RETURN_IF_ERROR(expression)                                                  \
  do {                                                                                       \
    if (::absl::Status slip_status = (expression); !slip_status.ok()) co_return slip_status; \
  } while (false)
#define SLIP_CO_ASSIGN_OR_RETURN(declaration, expression) \
  SLIP_ASSIGN_OR_RETURN_IMPL(SLIP_CONCAT(slip_or_, __LINE__), declaration, co_return, expression)

#define SLIP_ASSIGN_OR_RETURN_IMPL(temporary, declaration, keyword, expression) \
  auto temporary = (expression);                                                \
  if (!temporary.ok()) keyword std::move(temporary).status();                   \
  declaration = *std::move(temporary)

namespace slipstream {

// The same error with "what: " in front, so that a reader sees where it happened.
inline absl::Status Annotate(const absl::Status& status, absl::string_view what) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(what, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { annotated.SetPayload(url, payload); });
  return annotated;
}

}  // namespace slipstream
