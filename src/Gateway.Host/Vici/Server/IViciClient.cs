using Gateway.Host.Vici.Wire;
using Gateway.Policy.Journal;

namespace Gateway.Host.Vici.Server;

/// <summary>The client on whose behalf a command runs.</summary>
internal interface IViciClient
{
    Principal Principal { get; }

    /// <summary>Sends a part of the answer as an event, when the client registered for it.</summary>
    Task StreamAsync(string name, ViciSection message, CancellationToken stop);
}
