namespace FunctionalWs.Testing;

/// <summary>What asynchronous code of a simulation's own threads goes on in: another thread of it.</summary>
internal sealed class SimulatedContext(SimulatedScheduler scheduler) : SynchronizationContext
{
    public override SynchronizationContext CreateCopy() => this;

    public override void Post(SendOrPostCallback callback, object? state) =>
        scheduler.Post(() =>
        {
            SetSynchronizationContext(this);
            callback(state);
        });
}
