namespace ScaleOutClient;

/// <summary>What has to come true, and the count of what did.</summary>
internal static class Check
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public static int Passed { get; private set; }

    public static int Failed { get; private set; }

    /// <summary>Waits until something holds, but not for ever.</summary>
    public static async Task Until(string what, Func<bool> holds) => That(what, await Wait(holds));

    /// <summary>The same without counting it.</summary>
    public static async Task<bool> Wait(Func<bool> holds)
    {
        var since = TimeProvider.System.GetTimestamp();
        while (!holds() && TimeProvider.System.GetElapsedTime(since) < Patience)
            await Task.Delay(10);
        return holds();
    }

    public static void That(string what, bool holds)
    {
        Console.WriteLine($"{(holds ? "ok    " : "FAILED")} {what}");
        if (holds)
            Passed++;
        else
            Failed++;
    }
}
