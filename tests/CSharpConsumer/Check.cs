using System.Runtime.CompilerServices;

/// <summary>What a conversation is to be like.</summary>
internal static class Check
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static void Equal<T>(
        T expected,
        T actual,
        [CallerArgumentExpression(nameof(actual))] string what = ""
    )
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new InvalidOperationException($"{what}: {actual}, not {expected}");
    }

    public static void True(
        bool condition,
        [CallerArgumentExpression(nameof(condition))] string what = ""
    )
    {
        if (!condition)
            throw new InvalidOperationException($"not so: {what}");
    }

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

    /// <summary>Waits for something that another thread does, for a bounded time.</summary>
    public static void Eventually(
        Func<bool> condition,
        [CallerArgumentExpression(nameof(condition))] string what = ""
    ) => True(SpinWait.SpinUntil(condition, Limit), $"{what}, in {Limit}");
}
