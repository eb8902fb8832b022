namespace FunctionalWs;

/// <summary>
/// Tells whoever asked that a connection is no longer open. Guarded by the lock of its state; what is registered runs on the
/// thread pool, so that it doesn't hold up whoever ended the connection.
/// </summary>
internal sealed class NotOpenToken(Driver driver, Scheduler scheduler, Log log)
{
    private CancellationTokenSource? source; // made for whoever asks

    public CancellationToken Get(bool isOpen)
    {
        source ??= new CancellationTokenSource();
        if (!isOpen)
            source.Cancel(); // nobody has registered yet
        return source.Token;
    }

    public void Cancel()
    {
        if (source is not null)
            _ = CancelAsync(source);
    }

    private async Task CancelAsync(CancellationTokenSource source)
    {
        try
        {
            // What was registered last is called first: the others run in the context, on the same thread of the pool.
            source.Token.UnsafeRegister(
                static context =>
                    SynchronizationContext.SetSynchronizationContext((CallbackContext)context!),
                driver.Callbacks
            );
            await scheduler.CancelAsync(source).ConfigureAwait(false);
        }
        catch (AggregateException error) when (ClientsDoing.Of(error, driver) is { } doing)
        {
            log.HandlerEnded(error, doing); // it used the connection that has ended
        }
        catch (AggregateException error)
        {
            log.CallbackFailed(error);
        }
    }
}
