using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>One private broker for the tests that do not kill it; every test has a gateway id of its own.</summary>
public sealed class SharedBroker : IAsyncLifetime
{
    private PrivateBroker? _broker;

    /// <summary>The broker; skips the test where none can be had.</summary>
    public PrivateBroker Broker
    {
        get
        {
            Assert.SkipWhen(_broker is null, PrivateBroker.Missing ?? "");
            return _broker!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (PrivateBroker.Missing is null) _broker = await PrivateBroker.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_broker is not null) await _broker.DisposeAsync();
    }
}
