namespace FunctionalWs;

/// <summary>Where a connection with a handler for messages has its turns.</summary>
internal abstract class Seat
{
    /// <summary>
    /// True while a turn of it goes on elsewhere: on a thread that its loop was taken from, in a task, or on its way back. Read by the
    /// watcher, too, which then reads ahead.
    /// </summary>
    public volatile bool IsAway = true;

    /// <summary>
    /// Somebody else has read what it would have been told of: the connection has a turn, unless it is away, and has one when it is back.
    /// From any thread.
    /// </summary>
    public abstract void Nudge();
}
