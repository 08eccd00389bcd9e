// The drawing program: a plane through integer voxels, windowed or coloured, one variant a number type and layer kind.
export const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const SAMPLERS = { uint8: "usampler2DArray", uint16: "usampler2DArray", int16: "isampler2DArray", float32: "sampler2DArray" };

export const fragment = (kind, numbers) => `#version 300 es
precision highp float;
precision highp int;
precision highp ${SAMPLERS[numbers]};
#define ${kind.toUpperCase()}
uniform ${SAMPLERS[numbers]} voxels;
uniform sampler2D lut;
uniform ivec3 dims;             // slices, rows, columns
uniform vec3 origin, du, dv, dn; // index of the first pixel's centre, and its steps
uniform vec2 ready, grey, size; // slices that have come; black and white value; pixels drawn
uniform vec4 clip;              // left, top, right, bottom in pixels
uniform float opacity, threshold, checker, outline;
uniform bool inverted, smoothed, coloured;
uniform int taps, slabCount, slabMode, mixing;
out vec4 colour;

#ifdef RGB
#define VALUE vec3
#define PART .rgb
#else
#define VALUE float
#define PART .r
#endif

VALUE voxel(ivec3 i) {
  i = clamp(i, ivec3(int(ready.x), 0, 0), ivec3(int(ready.y) - 1, dims.y - 1, dims.z - 1));
  return VALUE(texelFetch(voxels, i.zyx, 0)PART);
}

bool inside(vec3 p) {
  return all(greaterThan(p, vec3(ready.x - 0.5001, -0.5, -0.5))) &&
         all(lessThan(p, vec3(ready.y - 0.4999, float(dims.y) - 0.5, float(dims.z) - 0.5)));
}

VALUE row(ivec3 i, float f) { return mix(voxel(i), voxel(i + ivec3(0, 0, 1)), f); }

VALUE plane(ivec3 i, vec2 f) { return mix(row(i, f.y), row(i + ivec3(0, 1, 0), f.y), f.x); }

VALUE linear(vec3 p) {
  vec3 base = floor(p), f = p - base;
  ivec3 i = ivec3(base);
  VALUE here = plane(i, f.yz);
  return f.x < 0.001 ? here : mix(here, plane(i + ivec3(1, 0, 0), f.yz), f.x);
}

VALUE point(vec3 p) {
  if (taps > 1) { // shrunk: the mean of what lies under the pixel
    VALUE sum = VALUE(0.0);
    for (int y = 0; y < taps; y++) for (int x = 0; x < taps; x++) {
      vec2 at = (vec2(x, y) + 0.5) / float(taps) - 0.5;
      sum += voxel(ivec3(floor(p + du * at.x + dv * at.y + 0.5)));
    }
    return sum / float(taps * taps);
  }
  return smoothed ? linear(p) : voxel(ivec3(floor(p + 0.5)));
}

bool sampled(vec3 p, out VALUE value) {
  if (slabCount == 1) { value = point(p); return inside(p); }
  bool found = false;
  float count = 0.0;
  value = VALUE(0.0);
  for (int k = 0; k < slabCount; k++) {
    vec3 q = p + dn * (float(k) - float(slabCount - 1) * 0.5);
    if (!inside(q)) continue;
    VALUE here = point(q);
    value = !found ? here : slabMode == 1 ? max(value, here) : slabMode == 2 ? min(value, here) : value + here;
    found = true;
    count += 1.0;
  }
  if (slabMode == 3 && found) value /= count;
  return found;
}

#ifdef LABELS
float labelAt(vec3 p) {
  if (!inside(p)) return 0.0;
  if (!smoothed) return voxel(ivec3(floor(p + 0.5)));
  vec3 base = floor(p), f = p - base;
  ivec3 i = ivec3(base);
  int count = f.x < 0.001 ? 4 : 8;
  float near[8], share[8];
  bool same = true;
  for (int k = 0; k < count; k++) {
    ivec3 o = ivec3(k >> 2, (k >> 1) & 1, k & 1);
    near[k] = voxel(i + o);
    vec3 w = mix(1.0 - f, f, vec3(o));
    share[k] = (count == 4 ? 1.0 : w.x) * w.y * w.z;
    same = same && near[k] == near[0];
  }
  if (same) return near[0];
  float best = 0.0, most = -1.0;
  for (int k = 0; k < count; k++) { // the label that most of the neighbourhood carries
    float sum = 0.0;
    for (int j = 0; j < count; j++) sum += near[j] == near[k] ? share[j] : 0.0;
    if (sum > most) { most = sum; best = near[k]; }
  }
  return best;
}
#endif

void main() {
  vec2 at = vec2(gl_FragCoord.x, size.y - gl_FragCoord.y);
  if (at.x < clip.x || at.y < clip.y || at.x > clip.z || at.y > clip.w) discard;
  if (checker > 0.0 && mod(floor(at.x / checker) + floor(at.y / checker), 2.0) < 1.0) discard;
  vec2 pixel = at - 0.5;
  vec3 p = origin + du * pixel.x + dv * pixel.y;
  vec3 c;
  float alpha = opacity;
#ifdef LABELS
  float label = labelAt(p);
  if (label < 0.5) discard;
  if (outline > 0.0 && labelAt(p + du * outline) == label && labelAt(p - du * outline) == label &&
      labelAt(p + dv * outline) == label && labelAt(p - dv * outline) == label) discard;
  vec4 entry = texelFetch(lut, ivec2(1 + int(label - 0.5) % 255, 0), 0);
  c = entry.rgb;
  alpha *= entry.a;
#else
  VALUE value;
  if (!sampled(p, value)) discard;
#ifdef HEAT
  float heat = value / 255.0;
  if (heat < threshold || heat <= 0.0) discard;
  alpha *= min(1.0, 0.15 + (heat - threshold) * 4.25);
  c = texelFetch(lut, ivec2(int(clamp(value, 0.0, 255.0) + 0.5), 0), 0).rgb;
#else
  vec3 shown = clamp((vec3(value) - grey.x) / (grey.y - grey.x), 0.0, 1.0);
  if (inverted) shown = 1.0 - shown;
  c = coloured ? texelFetch(lut, ivec2(int(shown.r * 255.0 + 0.5), 0), 0).rgb : shown;
#endif
#endif
  if (mixing == 1) { colour = vec4((1.0 - c) * 0.5, 1.0); return; }
  if (mixing == 2) { colour = vec4(c * 0.5, 0.0); return; }
  colour = vec4(c * alpha, alpha);
}`;
