namespace FunctionalWs;

/// <summary>
/// Where what is thrown ends. Every thread of ours calls whatever may throw through here: code of the application, of its
/// loggers and listeners, and calls of ours that the system may refuse. An <see cref="OutOfMemoryException"/> and an interrupt
/// end here as well, and nothing is allocated on the way: a step and its telling are delegates that were made before.
/// </summary>
internal static class Guard
{
    /// <summary>Does a step; false when it threw. That is told, as far as even telling is possible.</summary>
    /// <param name="target">What the step is done with.</param>
    /// <param name="step">The step.</param>
    /// <param name="told">Told what was thrown; what it throws itself is lost.</param>
    public static bool Run<T>(T target, Action<T> step, Action<T, Exception> told)
    {
        try
        {
            step(target);
            return true;
        }
        catch (Exception error)
        {
            Tell(target, error, told);
            return false;
        }
    }

    /// <summary>Does a step of which nobody wants to hear that it failed: there is no place left to tell it.</summary>
    public static bool Run(Action step) =>
        Run(step, static action => action(), static (_, _) => { });

    private static void Tell<T>(T target, Exception error, Action<T, Exception> told)
    {
        try
        {
            told(target, error);
        }
        catch (Exception)
        {
            // There is no place left to tell it.
        }
    }
}
