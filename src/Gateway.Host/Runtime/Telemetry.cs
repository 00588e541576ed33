using System.Diagnostics.Metrics;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Host.Appliance;

namespace Gateway.Host.Runtime;

/// <summary>The one meter, <c>gateway</c>: what <c>gateway show</c> counts, for whoever listens in the process, and over OTLP where appliance.json names an endpoint.</summary>
internal sealed class Telemetry : IDisposable
{
    private const string Name = "gateway";

    private readonly Meter _meter = new(Name);
    private readonly IDisposable? _export;

    public Telemetry(TelemetrySection section, IGatewayFace gateway)
    {
        _meter.CreateObservableCounter("gateway.counter", () => Rows<CounterRow>(gateway, "counters").Select(r =>
            new Measurement<long>((long)r.Value, KeyValuePair.Create<string, object?>("area", r.Area), KeyValuePair.Create<string, object?>("name", r.Name))), description: "Drops and other counts by node.");
        _meter.CreateObservableCounter("gateway.interface.rx.bytes", () => Rows<InterfaceRow>(gateway, "interfaces").Select(r => Of(r, r.RxBytes)), "By");
        _meter.CreateObservableCounter("gateway.interface.tx.bytes", () => Rows<InterfaceRow>(gateway, "interfaces").Select(r => Of(r, r.TxBytes)), "By");
        _meter.CreateObservableGauge("gateway.ike.sas", () => Rows<SaRow>(gateway, "sas").Count(), description: "IKE SAs in any state.");
        _meter.CreateObservableGauge("gateway.connection.up", () => Rows<ConnectionRow>(gateway, "connections").Select(r =>
            new Measurement<int>(r.State == "established" ? 1 : 0, KeyValuePair.Create<string, object?>("connection", r.Name))), description: "1 when established; also of those that are down.");
        _meter.CreateObservableCounter("gateway.journal.position", () => gateway.Gateway().Position);
        if (section.Otlp is { } endpoint) _export = OtlpExport.Start(Name, new Uri(endpoint));
    }

    public void Dispose()
    {
        _export?.Dispose();
        _meter.Dispose();
    }

    private static IEnumerable<T> Rows<T>(IGatewayFace gateway, string topic) => gateway.Show(topic, null).OfType<T>();

    private static Measurement<long> Of(InterfaceRow row, ulong value) => new((long)value, KeyValuePair.Create<string, object?>("interface", row.Name));
}
