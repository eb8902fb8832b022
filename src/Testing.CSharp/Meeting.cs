namespace FunctionalWs.Testing;

/// <summary>What a thread is about to do, up to its next meeting: with what it uses others may meet.</summary>
/// <param name="Place">What is used.</param>
/// <param name="Access">What for.</param>
internal readonly record struct Meeting(object Place, Access Access)
{
    /// <summary>The application's code runs.</summary>
    public static Meeting Application => new(Scheduler.Application, Access.Write);
}
