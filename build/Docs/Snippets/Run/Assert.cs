namespace Snippets;

/// <summary>What pages take from a test framework, without one.</summary>
internal static class Assert
{
    public static void Equal<T>(T expected, T actual) =>
        Check(
            EqualityComparer<T>.Default.Equals(expected, actual),
            $"expected {expected}, got {actual}"
        );

    public static void True(bool actual) => Check(actual, "expected true");

    public static void False(bool actual) => Check(!actual, "expected false");

    public static void Null(object? actual) =>
        Check(actual is null, $"expected null, got {actual}");

    public static void NotNull(object? actual) =>
        Check(actual is not null, "expected anything but null");

    public static void Empty<T>(IEnumerable<T> actual) =>
        Check(!actual.Any(), $"expected nothing, got {string.Join(", ", actual)}");

    public static T Throws<T>(Action action)
        where T : Exception
    {
        try
        {
            action();
        }
        catch (T error)
        {
            return error;
        }

        throw new InvalidOperationException($"{typeof(T).Name} was not thrown");
    }

    public static T Throws<T>(Func<object?> action)
        where T : Exception =>
        Throws<T>(() =>
        {
            action();
        });

    private static void Check(bool isRight, string problem)
    {
        if (!isRight)
            throw new InvalidOperationException(problem);
    }
}
