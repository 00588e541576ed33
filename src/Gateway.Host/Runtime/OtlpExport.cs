using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Gateway.Host.Runtime;

/// <summary>Sends a meter's measurements over OTLP. By itself, so that its libraries are loaded only where an endpoint is named.</summary>
internal static class OtlpExport
{
    public static IDisposable? Start(string meter, Uri endpoint) => Sdk.CreateMeterProviderBuilder().AddMeter(meter).AddOtlpExporter(o => o.Endpoint = endpoint).Build();
}
