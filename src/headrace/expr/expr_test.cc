#include "headrace/expr/expr.h"

#include <gmock/gmock.h>
namespace headrace {
TEST(ExprTest, AnExpressionIsParsedBoundAndEvaluated) {
  Result<Expression> expression = Expression::Parse("1 + 2 * 3");
  ASSERT_TRUE(expression.ok());
  EXPECT_EQ(*expression->Bind(Schema(), {})->EvaluateScalar(), Value::Int(7));
}
}  // namespace headrace
