namespace FunctionalWs;

/// <content>Settings of the listening socket.</content>
public sealed partial record ServerOptions
{
    /// <summary>
    /// How many clients the kernel keeps waiting to be accepted: 1 or more, 512 by default. The kernel may cap it.
    /// </summary>
    public int Backlog { get; init; } = 512;

    private void ValidateListening()
    {
        CheckRange(Backlog, 1, int.MaxValue, nameof(Backlog));
    }
}
