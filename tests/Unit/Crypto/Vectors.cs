using System.Text.Json;
using Xunit;

namespace Gateway.Unit.Crypto;

/// <summary>Published test vectors, read from the folder that GATEWAY_VECTORS names.</summary>
internal static class Vectors
{
    /// <summary>The parsed file; the test is skipped, with the reason, when there is no such folder.</summary>
    internal static JsonElement Load(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Find(file)));
        return document.RootElement.Clone();
    }

    internal static string Find(string file)
    {
        var folder = Environment.GetEnvironmentVariable("GATEWAY_VECTORS");
        if (string.IsNullOrEmpty(folder)) Assert.Skip("GATEWAY_VECTORS names no folder of test vectors.");
        var path = Path.Combine(folder!, file);
        if (!File.Exists(path)) Assert.Skip($"{file} is not among the test vectors.");
        return path;
    }

    internal static byte[] Bytes(this JsonElement test, string name) => Convert.FromHexString(test.GetProperty(name).GetString()!);

    internal static string Text(this JsonElement test, string name) => test.GetProperty(name).GetString()!;
}
