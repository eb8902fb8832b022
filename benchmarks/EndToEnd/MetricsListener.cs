using System.Diagnostics.Metrics;

namespace EndToEnd;

/// <summary>Listens to all that our server measures, and asks for the rest every second, as an exporter does.</summary>
internal static class MetricsListener
{
    public static IDisposable Start()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "FunctionalWs")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<int>(Ignore);
        listener.SetMeasurementEventCallback<long>(Ignore);
        listener.SetMeasurementEventCallback<double>(Ignore);
        listener.Start();
        new Thread(() => Ask(listener)) { IsBackground = true }.Start();
        return listener;
    }

    private static void Ask(MeterListener listener)
    {
        while (true)
        {
            Thread.Sleep(1000);
            listener.RecordObservableInstruments();
        }
    }

    private static void Ignore<T>(
        Instrument instrument,
        T value,
        ReadOnlySpan<KeyValuePair<string, object?>> tags,
        object? state
    ) { }
}
