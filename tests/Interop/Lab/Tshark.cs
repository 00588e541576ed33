using System.Text.Json;
using Gateway.Interop.Net;

namespace Gateway.Interop.Lab;

/// <summary>
/// Wireshark's dissectors as an independent witness: decodes a capture, with IKE and ESP keys when a folder with
/// <c>ikev2_decryption_table</c> and <c>esp_sa</c> is given.
/// </summary>
public static class Tshark
{
    /// <summary>The named fields of every packet that matches the display filter, one array a packet; a field of several layers joins its values with commas.</summary>
    public static IReadOnlyList<string[]> Fields(string capture, string? keys, string filter, params string[] fields)
    {
        var profile = Directory.CreateTempSubdirectory("gwshark-").FullName;
        try
        {
            foreach (var table in (string[])["ikev2_decryption_table", "esp_sa"])
                if (keys is not null && File.Exists(Path.Combine(keys, table))) File.WriteAllText(Path.Combine(profile, table), Current(File.ReadAllText(Path.Combine(keys, table))));
            string[] options =
                ["-n", "-r", capture, "-Y", filter, "-T", "fields", "-E", "separator=|", "-o", "esp.enable_encryption_decode:TRUE"];
            // WIRESHARK_CONFIG_DIR replaces the user's own profile, so that only these keys are known.
            var output = Shell.Must("env", ["WIRESHARK_CONFIG_DIR=" + profile, "sh", "-c", "exec tshark \"$@\" 2>/dev/null", "tshark", .. options, .. fields.SelectMany(f => (string[])["-e", f])], 60);
            return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('|'))];
        }
        finally
        {
            Directory.Delete(profile, recursive: true);
        }
    }

    /// <summary>The frames that match, as bytes from the link layer on.</summary>
    public static IReadOnlyList<byte[]> Raw(string capture, string filter)
    {
        var output = Shell.Must("sh", ["-c", "exec tshark \"$@\" 2>/dev/null", "tshark", "-n", "-r", capture, "-Y", filter, "-T", "jsonraw"], 60);
        using var document = JsonDocument.Parse(output);
        return [.. document.RootElement.EnumerateArray().Select(p => Convert.FromHexString(p.GetProperty("_source").GetProperty("layers").GetProperty("frame_raw")[0].GetString()!))];
    }

    // strongSwan's save-keys writes the names of older Wiresharks, with which this one decrypts nothing.
    private static string Current(string table) => table
        .Replace("\"AES-GCM [RFC4106]\"", "\"AES-GCM with 16 octet ICV [RFC4106]\"", StringComparison.Ordinal)
        .Replace("\"ANY 128 bit authentication [no checking]\"", "\"NULL\"", StringComparison.Ordinal);
}
